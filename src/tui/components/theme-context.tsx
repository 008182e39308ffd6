import {createContext, useContext} from 'react';
import {DEFAULT_THEME, type Theme, type ThemeToken} from '../theme.js';

/** Gives the theme to all components below. */
export const ThemeContext = createContext<Theme>(DEFAULT_THEME);

/** A function from colour token to the `color` property of Ink's Text, absent for the terminal's own colour. */
export function useColor(): (token: ThemeToken) => {color?: string} {
  const theme = useContext(ThemeContext);
  return (token) => (theme[token] === '' ? {} : {color: theme[token]});
}
