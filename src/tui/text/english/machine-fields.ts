/**
 * Fields of a machine: each with its label, what it takes, what holds while it is empty, and what can be wrong with it.
 * Units: labels have at most ten cells
 */
export const machineFields = {
  image: {
    label: 'Image',
    help: 'What the machine boots; ↑ and ↓ go through the catalog.',
    none: 'There is no image to boot.',
  },
  name: {
    label: 'Name',
    help: 'Letters, digits, dots, dashes and underscores, like web-1.',
    empty: 'chosen for you, like brave-otter',
    missing: 'A machine needs a name.',
    wrong: (problem: string) => `That cannot be a machine's name: ${problem}.`,
    taken: (name: string) => `There is already a machine called ${name}.`,
  },
  cpus: {
    label: 'CPUs',
    help: (most: number) => `How many processors the guest has, 1 to ${most}.`,
    wrong: (most: number) => `CPUs is a whole number from 1 to ${most}.`,
  },
  memory: {
    label: 'Memory',
    help: 'How much memory the guest has, like 512M or 2G.',
    wrong: 'Memory is a number with a unit, like 256M or 1G.',
    tooSmall: (least: string) => `A machine has ${least} of memory at least.`,
    uneven: 'Memory comes in pieces of 4K.',
  },
  rootSize: {
    label: 'Root disk',
    help: 'How large the disk is that the image brings, like 40G.',
    empty: (size: string) => `${size}, taken as it is written`,
    none: 'none: the image brings no disk of that kind',
    noDisk: (image: string) => `${image} brings no disk whose size can be chosen; add one below.`,
    noDiskOfImage: 'The image brings no disk whose size can be chosen; add one below.',
    tooSmall: (image: string, least: string) => `The disk of ${image} is ${least} at least.`,
  },
  disk: {
    label: 'Extra disk',
    help: 'An empty disk besides, like 10G; it takes room as it is written.',
    wrong: 'A size is a number with a unit, like 512M or 10G.',
    tooLarge: (most: string) => `A disk is ${most} at most.`,
  },
  network: {
    label: 'Network',
    help: 'user: what the host reaches; deny: nothing outside; ask: what you allow; host: its 127.0.0.1 as well; none: no card.',
  },
  switch: {
    label: 'Switch',
    help: 'Machines on the switch of the same name are neighbours.',
    wrong: 'A switch is named by small letters, digits and dashes, like lab.',
    noCard: 'Without a network card the machine is on no switch.',
    ofMachine: 'Machines of an image that was made from a machine cannot be on a switch.',
  },
  forwards: {
    label: 'Ports',
    help: 'Ports of the host that lead into the guest, like 8080:80 5353:53/udp.',
    wrong: (word: string) => `${word} is no forward: write HOSTPORT:GUESTPORT, like 8080:80 or 5353:53/udp.`,
    noCard: 'Without a network card no port leads into the machine.',
    tooMany: (most: number) => `A machine has at most ${most} port forwards.`,
    twice: (port: number) => `Port ${port} of the host leads to one port only.`,
  },
  share: {
    label: 'Folder',
    help: 'A folder the guest sees, FOLDER[:TAG][,rw], like ~/work:work,rw.',
    missing: 'Say which folder to share.',
    wrongTag: (tag: string) => `A share cannot have the tag ${tag}.`,
  },
  commandLine: {
    label: 'Kernel',
    help: 'The kernel command line; empty leaves it to what is booted.',
    empty: 'the command line that comes with what it boots',
    firmware: 'Firmware takes no command line.',
  },
  tier: {
    label: 'Code',
    help: 'How guest code runs: compiled where it is hot (auto), all of it (regions), or not at all (interpreter).',
  },
  group: {
    label: 'Group',
    help: 'The group to list it in.',
    wrong: 'Groups and tags have up to 31 letters, digits, dots, dashes and underscores.',
  },
  tags: {
    label: 'Tags',
    help: (most: number) => `Words to find it by, with blanks between, ${most} at most.`,
    tooMany: (most: number) => `A machine has at most ${most} tags.`,
  },
  start: {label: 'Start', help: 'Whether it is started at once.'},
};
