/** Lists of egress rules: at most one for each destination, those that were made last first. */
import type {EgressRule, EgressTarget} from '../protocol/egress.js';

/** Whether both are about the same. */
export function isSameTarget(one: EgressTarget, other: EgressTarget): boolean {
  return one.destination === other.destination && one.port === other.port;
}

/** The list with a rule before all others, in the place of one about the same. */
export function putRule(rules: readonly EgressRule[], rule: EgressRule): EgressRule[] {
  return [rule, ...rules.filter((other) => !isSameTarget(other, rule))];
}
