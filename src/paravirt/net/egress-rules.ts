/**
 * Rules about where a guest may go: an address, a network, a name or `*`, with a port or for all. The first rule that covers
 * a destination decides.
 */
import {isIP} from 'node:net';
import {parseAddress} from './address.js';

/** What a rule says. */
export type Verdict = 'allow' | 'deny';
/** What holds where no rule says anything; `ask`: somebody is asked. */
export type Egress = Verdict | 'ask';

/** One rule. `destination`: `192.0.2.1`, `2001:db8::/32`, `example.org` in lower case, or `*`. */
export interface EgressRule {
  readonly verdict: Verdict;
  readonly destination: string;
  readonly port?: number | undefined;
}

interface Compiled {
  readonly rule: EgressRule;
  /** Undefined for a name and for `*`. */
  readonly network: {readonly address: Uint8Array; readonly bits: number} | undefined;
}

/** See the module. */
export class EgressRules {
  readonly #rules: readonly Compiled[];

  constructor(rules: readonly EgressRule[]) {
    this.#rules = rules.map((rule) => ({rule, network: networkOf(rule.destination)}));
  }

  /** What the rules say of a destination that has these names; undefined where none covers it. */
  verdictOf(address: Uint8Array, port: number, names: readonly string[]): Verdict | undefined {
    const found = this.#rules.find(({rule, network}) => {
      if (rule.port !== undefined && rule.port !== port) return false;
      if (rule.destination === '*') return true;
      return network === undefined ? names.includes(rule.destination) : isWithin(address, network);
    });
    return found?.rule.verdict;
  }

  /** Whether a name may be looked up: not where all of it is denied. Undefined where no rule covers it. */
  lookupOf(name: string): Verdict | undefined {
    const found = this.#rules.find(
      ({rule: {destination, verdict, port}}) =>
        (destination === '*' || destination === name) && (verdict === 'allow' || port === undefined),
    );
    return found?.rule.verdict;
  }
}

function networkOf(destination: string): Compiled['network'] {
  const [text = '', bits] = destination.split('/');
  const address = isIP(text) === 0 ? undefined : parseAddress(text);
  return address && {address, bits: bits === undefined ? address.length * 8 : Number(bits)};
}

function isWithin(address: Uint8Array, network: NonNullable<Compiled['network']>): boolean {
  if (address.length !== network.address.length) return false;
  const whole = network.bits >> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== network.address[i]) return false;
  const rest = network.bits & 7;
  return rest === 0 || (address[whole]! ^ network.address[whole]!) >> (8 - rest) === 0;
}
