/** An action that is highlighted among others; what is empty is not told. `at` counts from 1. */
interface SpokenEntry {
  readonly text: string;
  readonly keys: string;
  readonly command: string;
  readonly reason: string | undefined;
  readonly at: number;
  readonly count: number;
}

interface SpokenGroup {
  readonly name: string;
  readonly count: number;
  readonly isFolded: boolean;
  readonly place: string;
}

/** What is said instead of drawn. */
export const spoken = {
  group: ({name, count, isFolded, place}: SpokenGroup) =>
    `Group ${name}, ${count} machines, ${isFolded ? 'folded' : 'open'}, ${place}.`,
  cpu: (percent: number) => `CPU ${percent} percent`,
  memory: (size: string) => `memory ${size}`,
  marked: 'marked',
  /** Stands before what keys act on. */
  chosen: 'chosen,',
  confirm: {
    title: (title: string, question: string) => `${title}. ${question}`,
    typePhrase: (phrase: string) => `Type ${phrase} and Enter to do it, Escape for no.`,
    typed: (text: string) => `Typed: ${text}`,
    yesOrNo: (chosen: string) => `y for yes, n for no. Enter: ${chosen}.`,
  },
  palette: (typed: string) => `Look for: ${typed}`,
  menu: 'Menu of the machine.',
  entry: ({text, keys, command, reason, at, count}: SpokenEntry) =>
    [
      text,
      keys === '' ? '' : ` Key ${keys}.`,
      command === '' ? '' : ` Command ${command}.`,
      reason === undefined ? '' : ` Not now: ${reason}`,
      ` ${at} of ${count}.`,
    ].join(''),
  /** One of several that can be chosen; `at` counts from 1. */
  choice: (label: string, at: number, count: number) => `${label}, ${at} of ${count}.`,
  copy: {
    title: 'What to copy; it is told, as there is no clipboard here.',
    nothing: 'nothing',
    entry: (label: string, text: string) => `${label}: ${text}`,
  },
  activity: {
    title: 'Jobs and events. x cancels the job.',
    filter: (text: string) => `Filter: ${text}`,
  },
  job: {
    ended: (subject: string, state: string) => `${subject}: ${state}.`,
    running: (subject: string, stage: string, percent: number) =>
      `${subject}: ${stage}${percent === 0 ? '' : `, ${percent} percent`}.`,
  },
  answers: 'Up and down choose an answer, Enter gives it, Escape puts it off.',
  form: {
    title: (title: string, submit: string) =>
      `${title}. Enter: ${submit.toLowerCase()}, Tab: next field, Escape: cancel.`,
    field: (label: string, value: string, at: number, count: number) => `${label}: ${value}, ${at} of ${count}.`,
    choice: (value: string) => `${value}, left and right choose`,
    empty: (placeholder: string) => `empty, ${placeholder}`,
    image: ({name, size, at, count}: {name: string; size: string; at: number; count: number}) =>
      `${name}, ${size}, image ${at} of ${count}`,
    command: (command: string) => `Command: ${command}`,
    working: 'Working.',
  },
  pane: {
    console: 'Enter types into the console, y tells what it shows.',
    lastSpan: (span: string) => `The last ${span}.`,
    chart: (title: string, numbers: string) => `${title}: ${numbers === '' ? 'nothing' : numbers}.`,
    points: 'Left and right go along the points.',
    noEvents: 'Nothing has happened yet.',
  },
};
