import type { Attributes } from '@opentelemetry/api';
import {
  ATTR_REJECTION_CURRENT,
  ATTR_REJECTION_DETAIL,
  ATTR_REJECTION_LIMIT,
  ATTR_REJECTION_REASON,
} from '../semconv.ts';
import type { Rejection } from './outcome.ts';

/** A rejection as attributes. */
export function rejectionAttributes({ reason, detail, limit, current }: Rejection): Attributes {
  return {
    [ATTR_REJECTION_REASON]: reason,
    ...(detail !== undefined && { [ATTR_REJECTION_DETAIL]: detail }),
    ...(limit !== undefined && { [ATTR_REJECTION_LIMIT]: limit }),
    ...(current !== undefined && { [ATTR_REJECTION_CURRENT]: current }),
  };
}
