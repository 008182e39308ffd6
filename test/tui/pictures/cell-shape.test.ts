import {describe, expect, test} from 'vitest';
import {cellShape} from '../../../src/tui/pictures/cell-shape.js';

const box = {x: 10, y: 20, width: 8, height: 16};

describe('a character that is drawn', () => {
  test.each([
    ['─', {kind: 'lines', data: 'M10 28L14 28M18 28L14 28'}],
    ['│', {kind: 'lines', data: 'M14 20L14 28M14 36L14 28'}],
    ['╭', {kind: 'lines', data: 'M18 28Q14 28 14 36'}],
    ['⠁', {kind: 'dots', data: 'M12 22h0'}],
    ['⢀', {kind: 'dots', data: 'M16 34h0'}],
    ['▄', {kind: 'area', data: 'M10 36v-8h8v8z'}],
    ['█', {kind: 'area', data: 'M10 36v-16h8v16z'}],
  ])('%s reaches the sides of its cell that it should', (char, shape) => expect(cellShape(char, box)).toEqual(shape));

  test('of braille has as many dots as the character', () => {
    expect(cellShape('⣿', box)?.data.match(/h0/g)).toHaveLength(8);
    expect(cellShape('⣀', box)?.data.match(/h0/g)).toHaveLength(2);
  });

  test.each(['a', ' ', '●', '⠀', '日', ''])('is not %j', (char) => expect(cellShape(char, box)).toBeUndefined());
});
