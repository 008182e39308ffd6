/** Actions on a machine's disks. */
export const diskActions = {
  disks: {
    refusals: {
      saved: (name: string) => `${name} is saved with the disks it has; start it and shut it down first.`,
      live: (name: string) => `Disks are changed while the machine is off; S shuts ${name} down.`,
      none: 'There is no disk yet; a attaches one.',
    },
  },
  diskAttach: {
    hint: 'attach a disk',
    help: 'Attach a disk: a new one of a size, or an image that is there.',
    title: (name: string) => `Attach a disk to ${name}`,
    label: 'Disk',
    placeholder: '10G, or the path of an image; ,ro may follow',
    submit: 'Attach',
    done: (name: string) => `${name} has another disk; u takes that back.`,
  },
  diskDetach: {
    hint: 'detach',
    help: 'Detach the disk; its image stays, and u attaches it again.',
    done: (path: string) => `Detached; the image is still there: ${path} · u attaches it again.`,
  },
  diskNext: {help: 'Choose the disk after.'},
  diskPrevious: {help: 'Choose the disk before.'},
};
