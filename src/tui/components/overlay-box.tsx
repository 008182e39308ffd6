import {Box, Text} from 'ink';
import type {ReactElement, ReactNode} from 'react';
import type {Rect} from '../terminal/cells.js';
import {Frame} from './frame.js';

/** A framed box above everything else, at a place of the screen. */
export function OverlayBox({
  rect,
  title,
  footer,
  children,
}: {
  rect: Rect;
  title: string;
  footer: string;
  children: ReactNode;
}): ReactElement {
  return (
    <Box position="absolute" marginLeft={rect.x} marginTop={rect.y} width={rect.width} height={rect.height}>
      {/* Ink's boxes are transparent: blanks hide what lies below. */}
      <Box position="absolute" flexDirection="column">
        <Text>{Array.from({length: rect.height}, () => ' '.repeat(rect.width)).join('\n')}</Text>
      </Box>
      <Frame width={rect.width} height={rect.height} title={title} footer={footer} isFocused>
        {children}
      </Frame>
    </Box>
  );
}
