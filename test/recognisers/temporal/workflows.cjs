const { proxyActivities } = require('@temporalio/workflow');

const { reserve } = proxyActivities({ startToCloseTimeout: '1 minute' });

exports.fulfil = async (order) => reserve(order);
