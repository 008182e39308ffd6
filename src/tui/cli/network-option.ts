/** The value of `--network`: a kind, with options behind commas. */
import {InvalidArgumentError} from 'commander';
import {type Network, networkSchema, SWITCH_NAME} from '../../manager/protocol/machine.js';

/** What it takes, for help texts. */
export const networkOptionHelp =
  'user (default) or none; ,deny: reaches nothing outside; ,host: its gateway is the host’s 127.0.0.1; ,switch=NAME: machines with the same NAME are neighbours';

const SWITCH = 'switch=';

/** Parses `none`, or `user` with any of `,deny`, `,host` and `,switch=NAME`. Errors: commander's, with an example */
export function networkOption(text: string): Network {
  const [kind, ...options] = text.split(',');
  const place = options.find((option) => option.startsWith(SWITCH))?.slice(SWITCH.length);
  if (place !== undefined && !SWITCH_NAME.test(place))
    throw new InvalidArgumentError('Name a switch by small letters, digits and dashes, like switch=lab.');
  const isKnown = options.every((option) => option === 'deny' || option === 'host' || option === SWITCH + place);
  if ((kind !== 'user' && kind !== 'none') || !isKnown || (kind === 'none' && options.length > 0))
    throw new InvalidArgumentError('Give user or none; behind user may follow ,deny and ,host and ,switch=NAME.');
  const egress = options.includes('deny') ? 'deny' : 'allow';
  const network = {kind, egress, allowsHostLoopback: options.includes('host')};
  return networkSchema.parse(place === undefined ? network : {...network, switch: {name: place}});
}
