/** The value of `--network`: a kind, with options behind commas. */
import {InvalidArgumentError} from 'commander';
import {
  MAX_NETWORK_RATE,
  MIN_NETWORK_RATE,
  type Network,
  networkSchema,
  SWITCH_NAME,
} from '../../manager/protocol/machine.js';
import {parseBytes} from '../state/presenters/units.js';

/** What it takes, for help texts. */
export const networkOptionHelp =
  'user (default) or none; ,deny: reaches nothing outside; ,ask: you are asked before it does; ,host: its gateway is the host’s 127.0.0.1; ,switch=NAME: machines with the same NAME are neighbours; ,rate=SIZE: bytes a second, each way';

const SWITCH = 'switch=';
const RATE = 'rate=';

const isRate = (bytes: number): boolean => bytes >= MIN_NETWORK_RATE && bytes <= MAX_NETWORK_RATE;

/** Parses `none`, or `user` with any of `,deny` or `,ask`, `,host`, `,switch=NAME` and `,rate=SIZE`. Errors: commander's, with an example */
export function networkOption(text: string): Network {
  const [kind, ...options] = text.split(',');
  const place = options.find((option) => option.startsWith(SWITCH))?.slice(SWITCH.length);
  if (place !== undefined && !SWITCH_NAME.test(place))
    throw new InvalidArgumentError('Name a switch by small letters, digits and dashes, like switch=lab.');
  const rate = options.find((option) => option.startsWith(RATE))?.slice(RATE.length);
  const bytesPerSecond = rate === undefined ? undefined : parseBytes(rate);
  if (rate !== undefined && !(bytesPerSecond !== undefined && isRate(bytesPerSecond)))
    throw new InvalidArgumentError('Give bytes a second, at least 8K, like rate=10M.');
  const known = ['deny', 'ask', 'host', SWITCH + place, RATE + rate];
  const isKnown = options.every((option) => known.includes(option));
  if ((kind !== 'user' && kind !== 'none') || !isKnown || (kind === 'none' && options.length > 0))
    throw new InvalidArgumentError(
      'Give user or none; behind user may follow ,deny ,ask ,host ,switch=NAME and ,rate=10M.',
    );
  const [egress = 'allow', ...further] = (['deny', 'ask'] as const).filter((word) => options.includes(word));
  if (further.length > 0) throw new InvalidArgumentError('Give ,deny or ,ask, not both.');
  const network = {kind, egress, allowsHostLoopback: options.includes('host')};
  return networkSchema.parse({
    ...network,
    ...(place === undefined ? {} : {switch: {name: place}}),
    ...(bytesPerSecond === undefined ? {} : {bytesPerSecond}),
  });
}
