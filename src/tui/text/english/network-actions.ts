/** Actions on a guest's network: what it may reach, and port forwards. */
export const networkActions = {
  answer: {
    hint: 'answer the guest',
    help: 'Say whether the guest may reach what it waits for; Esc puts that off.',
    refusals: {
      none: 'There is no machine that could wait for an answer.',
      notAsked: (name: string) => `${name} waits for no answer.`,
    },
    ruleMade: (name: string) => `A rule says so from now on; viv net rules ${name} lists them.`,
  },
  forwards: {
    refusals: {
      noMachine: 'There is no machine that could have port forwards.',
      noCard: (name: string) => `${name} has no network card.`,
      none: 'There is no port forward yet; a adds one.',
      notPorts: 'Give HOSTPORT:GUESTPORT, like 8080:80.',
    },
  },
  forwardAdd: {
    hint: 'forward a port',
    help: 'Forward a port of the host to the guest, at once.',
    title: (name: string) => `Forward to ${name}`,
    label: 'Ports',
    submit: 'Forward',
    done: (forward: string, name: string) => `Port ${forward} of ${name}.`,
  },
  forwardNext: {help: 'Choose the port forward after.'},
  forwardPrevious: {help: 'Choose the port forward before.'},
  forwardRemove: {
    hint: 'take it back',
    help: 'Take the chosen port forward back; connections that are there stay.',
    done: (hostPort: number, guestPort: number) =>
      `Port ${hostPort} leads nowhere now; a and ${hostPort}:${guestPort} forwards it again.`,
  },
};
