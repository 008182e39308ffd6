/** The option that asks for the UI as lines of text. */
export const SPOKEN_OPTION = '--screen-reader';
