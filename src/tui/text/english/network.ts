/** What passed in one direction. */
interface Passed {
  readonly rate: string;
  readonly size: string;
  readonly frames: number;
}

const REST = {allow: 'allowed', deny: 'denied', ask: 'asked about'};

/** The Net tab, and questions of guests about what they may reach. */
export const network = {
  noCard: 'This machine has no network card.',
  notRunning: (name: string) => `There is nothing to see: ${name} is not running.`,
  card: 'card',
  up: 'up',
  down: 'down',
  noAddress: 'no address yet',
  counters: (received: Passed, sent: Passed) =>
    `rx ${received.rate} ${received.size} ${received.frames} frames  tx ${sent.rate} ${sent.size} ${sent.frames} frames`,
  dropped: (frames: number) => `dropped ${frames}`,
  waiting: (count: number) => `Waiting for an answer ${count}, A gives it`,
  rules: (count: number, rest: keyof typeof REST) =>
    `Rules: ${count === 0 ? 'none' : count}, all else is ${REST[rest]}`,
  forwards: (count: number) => (count === 0 ? 'Port forwards: none, a adds one' : `Port forwards ${count}`),
  connections: (count: number) => (count === 0 ? 'Connections: none' : `Connections ${count}`),
  packets: (count: number, missed: number) =>
    `Packets${count === 0 ? ': none yet' : ''}${missed === 0 ? '' : `, ${missed} not shown`}`,
  question: {
    title: 'Network',
    footer: '↑ ↓ choose · Enter answers · Esc later',
    /** `address` is that of a name, `protocol` in capitals. */
    target: (target: string, address: string | undefined, protocol: string) =>
      `${target}${address === undefined ? '' : ` (${address})`} by ${protocol}`,
    /** Above the target. */
    wants: (name: string) => `${name} wants to reach`,
    wantsTarget: (name: string, target: string) => `${name} wants to reach ${target}`,
    more: (count: number) => `${count} more ${count === 1 ? 'waits' : 'wait'} for an answer.`,
    answers: {
      deny: 'Deny: refuse it for a minute',
      denyAlways: 'Deny always: a rule refuses it',
      allow: 'Allow once: what waits, and for a minute',
      allowAlways: 'Allow always: a rule lets it through',
    },
  },
};
