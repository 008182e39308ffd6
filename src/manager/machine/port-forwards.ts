/** Lists of port forwards: one for each port of an address of the host. */
import type {PortForward} from '../protocol/machine.js';

/** Whether both take the same port of the host. */
export function isSamePort(one: PortForward, other: PortForward): boolean {
  return one.hostPort === other.hostPort && one.address === other.address && one.protocol === other.protocol;
}

/** The list with a forward, in the place of one that has its port, or without it. */
export function changeForwards(
  forwards: readonly PortForward[],
  forward: PortForward,
  isWanted: boolean,
): PortForward[] {
  const others = forwards.filter((other) => !isSamePort(other, forward));
  return isWanted ? [...others, forward] : others;
}
