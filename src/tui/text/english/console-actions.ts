/** Actions on what a console shows. */
export const consoleActions = {
  consoleCopy: {help: 'Copy mode: h j k l w b move, v V select, y copies; Enter ~ [ while it has the keyboard.'},
  consoleRecord: {
    help: 'Record the console into a file (asciicast); again ends it. It goes on while other machines are shown.',
    title: (name: string) => `Record ${name}`,
    submit: 'Record',
    begun: (name: string, path: string) => `Recording ${name} into ${path}; R ends it.`,
  },
  consoleScreenshot: {
    help: 'Write what the console shows into a file: a picture (.png), or text.',
    title: (name: string) => `Screenshot of ${name}`,
    submit: 'Write',
    done: (name: string, path: string) => `What ${name} shows is in ${path}.`,
  },
  consoleFile: {label: 'File'},
  consoleScrollDown: {help: 'Scroll it forward again.'},
  consoleScrollUp: {help: 'Scroll the console back; the wheel does it too. Also while it has the keyboard.'},
  consoleSearch: {help: 'Search in what the console has printed; Enter ~ / while it has the keyboard.'},
  lookBack: {refusals: {notShown: 'The console is not on the screen; 1 shows it.'}},
};
