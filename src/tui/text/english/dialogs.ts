/** Dialogs: titles, the keys in their borders, what stands in them. */
export const dialogs = {
  no: 'No',
  anyKeyCloses: 'any key closes',
  yesOrNo: 'y yes · n no · Enter takes the highlighted one',
  working: 'Working…',
  confirm: {
    typePhrase: (phrase: string) => `Type ${phrase} to do it:`,
    phraseTyped: (yes: string) => `Enter: ${yes.toLowerCase()} · Esc no`,
    phraseMissing: 'Esc no',
  },
  form: {footer: (submit: string) => `Enter ${submit.toLowerCase()} · Tab next field · Esc cancel`},
  help: {
    title: (tab: string) => `Keys in ${tab}`,
    more: '↓ more · any other key closes',
  },
  palette: {
    title: 'What to do',
    footer: 'Enter does it · Esc closes',
    noMatch: 'Nothing is called that.',
  },
  menu: {title: 'Machine', footer: 'Enter or its letter · Esc closes'},
  copy: {
    title: 'Copy',
    footer: 'Enter or its digit copies · Esc closes',
    /** Units: at most 23 cells */
    labels: {
      name: 'name',
      ssh: "the guest's SSH",
      consoleSsh: 'console by SSH',
      folder: 'folder',
      screen: 'what its console shows',
      address: 'address',
    },
  },
};
