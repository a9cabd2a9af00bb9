// A build as projects have it, for the command line of gulp.
const { setTimeout: delay } = require('node:timers/promises');
const { dest, parallel, series, src } = require('gulp');

const styles = () => src('*.cjs').pipe(dest('out'));
const scripts = async () => {
  process.stdout.write('scripts\n');
};
const build = series(
  styles,
  parallel(scripts, () => delay(1)),
);
exports.styles = styles;
exports.build = build;
exports.broken = series(build, async function publish() {
  throw new RangeError('version exists');
});
exports.forgetful = () => {};
exports.default = build;
