/** The value of `--network`: a kind, with options behind commas. */
import {InvalidArgumentError} from 'commander';
import {type Network, networkSchema} from '../../manager/protocol/machine.js';

/** What it takes, for help texts. */
export const networkOptionHelp =
  'user (default) or none; ,deny: reaches nothing outside; ,host: its gateway is the host’s 127.0.0.1';

/** Parses `none`, `user`, `user,deny`, `user,host`, `user,deny,host`. Errors: commander's, with an example */
export function networkOption(text: string): Network {
  const [kind, ...options] = text.split(',');
  const isKnown = options.every((option) => option === 'deny' || option === 'host');
  if ((kind !== 'user' && kind !== 'none') || !isKnown || (kind === 'none' && options.length > 0))
    throw new InvalidArgumentError('Give user or none; user,deny and user,host and both are possible.');
  const egress = options.includes('deny') ? 'deny' : 'allow';
  return networkSchema.parse({kind, egress, allowsHostLoopback: options.includes('host')});
}
