/** Disks: their tab, and what is wrong with one as it is written. */
export const disks = {
  rates: (read: string, written: string) => `all disks: read ${read}, written ${written}`,
  none: 'This machine has no disk; a attaches one while it is off.',
  readOnly: 'read-only',
  used: (size: string) => `${size} on the host`,
  problems: {
    empty: 'Give a size, as 10G, or the path of an image.',
    noOption: (option: string) => `There is no option ${option}; ,ro ,format=raw and ,format=qcow2 may follow.`,
    noSize: 'Give a size, as 10G, or the full path of an image, from / on.',
    newReadOnly: 'A new disk cannot be read-only; leave ,ro out.',
  },
};
