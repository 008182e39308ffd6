/** Actions on the program itself. */
export const programActions = {
  activity: {
    help: 'Show jobs, which can be cancelled, and what happened to all machines.',
    refusals: {
      none: 'There is no job to cancel.',
      ended: (subject: string) => `${subject}: the job has ended already.`,
    },
    cancelled: (subject: string) => `${subject}: cancelled.`,
  },
  help: {
    hint: 'help',
    help: 'Show all keys.',
    /** Heads of the README's table of keys. */
    table: ['Key', 'What it does', 'Command'],
  },
  mouse: {
    help: 'Turn the mouse off, so that the terminal itself selects text, or on again.',
    off: 'The mouse is the terminal’s now; M turns it on again.',
    on: 'The mouse is on; M turns it off.',
  },
  palette: {
    hint: 'all',
    help: 'Look for anything by name: actions with their keys and commands, and machines.',
    goTo: (name: string) => `Go to ${name}.`,
  },
  quit: {hint: 'quit', help: 'Leave; machines keep running.'},
  speech: {
    help: 'Screen-reader mode from the next start on: lines of text, nothing drawn; or drawn again.',
    off: 'From the next start on viv draws its screen.',
    on: 'From the next start on viv tells everything as lines, for screen readers; F8 takes that back.',
  },
  theme: {
    help: 'Other colours: dark, light, high contrast, monochrome, your own theme.json.',
    names: {
      dark: 'dark',
      light: 'light',
      'high-contrast': 'high-contrast',
      monochrome: 'monochrome',
      own: 'own',
    },
    chosen: (name: string) => `Theme: ${name}.`,
  },
};
