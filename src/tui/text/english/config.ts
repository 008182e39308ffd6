/** The Config tab: what a machine is made of. */
export const config = {
  /** Units: at most 13 cells */
  labels: {
    name: 'name',
    group: 'group',
    tags: 'tags',
    boots: 'boots',
    commandLine: 'command line',
    cpus: 'CPUs',
    memory: 'memory',
    code: 'runs code',
    disks: 'disks',
    network: 'network',
    forwards: 'forwards',
    folders: 'folders',
    checkpoints: 'checkpoints',
    driver: 'driver',
    madeAt: 'made at',
    id: 'id',
    files: 'files',
    process: 'process',
    terminal: 'terminal',
  },
  ofImage: 'the image’s',
  disks: (count: number) => `${count}; tab Disks shows them`,
  folder: (path: string, tag: string, isReadOnly: boolean) => `${path} as ${tag}${isReadOnly ? '' : ', written'}`,
  on: 'on',
  off: 'off',
  /** `egress` and `kind` are words of `--network`; what is undefined is as usual. */
  network: ({kind, egress, isHostReached, switchName, rate}: NetworkMake) =>
    [
      kind,
      egress === undefined ? '' : `, ${egress} beyond the host`,
      isHostReached ? ', reaches the host’s 127.0.0.1' : '',
      switchName === undefined ? '' : `, on the switch ${switchName}`,
      rate === undefined ? '' : `, ${rate} a second`,
    ].join(''),
};

interface NetworkMake {
  readonly kind: string;
  readonly egress: string | undefined;
  readonly isHostReached: boolean;
  readonly switchName: string | undefined;
  readonly rate: string | undefined;
}
