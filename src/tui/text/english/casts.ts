/** Recordings of consoles: how they end, how they are played, what is wrong with their files. */
export const casts = {
  recorded: (what: string) => `Recorded ${what}; viv console replay plays it.`,
  recordedAtEnd: (what: string) => `Recorded ${what}.`,
  full: (what: string) => `The recording is as large as one may be: ${what}.`,
  failed: (reason: string) => `The recording ended: ${reason}`,
  /** What was recorded, as part of the sentences above. */
  extent: (duration: string, size: string, path: string) => `${duration} (${size}) in ${path}`,
  /** Stands in the recording itself, as the name of a marker. */
  gap: 'Some output is missing.',
  invalid: {
    line: (lineNumber: number, what: string) => `Line ${lineNumber} of the recording cannot be played: ${what}.`,
    hint: 'The file is damaged, or no recording.',
    empty: 'the file is empty',
    notJson: 'it is not JSON',
    noVersion: 'it has no version',
    otherVersion: (version: number) => `it is version ${version}`,
    versionHint: 'Recordings in asciicast version 2 are played, as viv console record writes them.',
    badSize: 'its size is not one of a terminal (1 to 1000 columns and rows)',
    notEvent: 'it is not [seconds, kind, text]',
    tooLong: (bytes: number) => `it is longer than ${bytes} bytes`,
  },
  player: {
    noTerminal: 'A recording is played on a terminal, and this is none.',
    noTerminalHint: 'Run it where standard input and output are one.',
    end: 'the end',
    paused: 'paused',
    speed: (speed: number) => `${speed}×`,
    keys: 'space pauses · + - speed · → 5 s ahead · q leaves',
    keysAtEnd: 'q leaves',
  },
};
