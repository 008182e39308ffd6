import {Box, Text} from 'ink';
import type {ReactElement} from 'react';
import {visibleText} from '../terminal/visible-text.js';
import type {ThemeToken} from '../theme.js';
import {useColor} from './theme-context.js';

/** A piece of a line in one style. */
export interface Segment {
  readonly text: string;
  readonly token?: ThemeToken;
  readonly isBold?: boolean;
  readonly isInverse?: boolean;
}

/** One row of text made of styled pieces, cut at `width` cells. */
export function Line({segments, width}: {segments: readonly Segment[]; width: number}): ReactElement {
  const color = useColor();
  const place = new Map<string, number>();
  // Pieces may repeat; the count of equal ones before makes a key that is stable over frames.
  const keyOf = (text: string) => {
    const count = place.get(text) ?? 0;
    place.set(text, count + 1);
    return `${text}/${count}`;
  };
  return (
    <Box width={width} height={1} overflow="hidden">
      <Text wrap="truncate">
        {segments.map((segment) => (
          <Text
            key={keyOf(segment.text)}
            {...(segment.token ? color(segment.token) : {})}
            bold={segment.isBold === true}
            inverse={segment.isInverse === true}
          >
            {visibleText(segment.text)}
          </Text>
        ))}
      </Text>
    </Box>
  );
}
