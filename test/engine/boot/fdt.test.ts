import fc from 'fast-check';
import {expect, it} from 'vitest';
import {writeFdt} from '../../../src/engine/boot/fdt.js';
import type {FdtNode} from '../../../src/engine/contract.js';
import {describeWith} from '../../support/tools.js';
import {cellsIn, decodeFdt} from './dtc.js';

describeWith(['dtc'], 'a flattened device tree', () => {
  it('writes every kind of property so that dtc reads it back', () => {
    const {nodes} = decodeFdt(
      writeFdt({
        name: '',
        properties: {model: {strings: ['a machine']}, compatible: {strings: ['one', 'two']}},
        children: [
          {name: 'empty', properties: {}},
          {
            name: 'outer@1',
            properties: {reg: {cells: [1, 0xffff_ffff]}, present: {flag: true}},
            children: [{name: 'inner', properties: {raw: {bytes: Uint8Array.of(1, 2, 3)}}}],
          },
        ],
      }),
    );
    expect([...nodes.keys()]).toEqual(['/', '/empty', '/outer@1', '/outer@1/inner']);
    expect(nodes.get('/')).toEqual(
      new Map([
        ['model', '"a machine"'],
        ['compatible', '"one\\0two"'],
      ]),
    );
    expect(cellsIn(nodes.get('/outer@1')!.get('reg'))).toEqual([1, 0xffff_ffff]);
    expect(nodes.get('/outer@1')!.get('present')).toBe('');
    expect(nodes.get('/outer@1/inner')!.get('raw')).toBe('[01 02 03]');
  });

  it('lists memory reservations with all 64 bits', () => {
    const blob = writeFdt({name: '', properties: {}}, [{address: 0x1_8000_0000, sizeBytes: 0x1000}]);
    expect(decodeFdt(blob).source).toMatch(/\/memreserve\/\s+0x0*180000000 0x0*1000;/);
  });

  it('stores a property name once', () => {
    const child = (name: string): FdtNode => ({name, properties: {'a-rather-long-name': {cells: [1]}}});
    const blob = writeFdt({name: '', properties: {}, children: [child('a'), child('b')]});
    expect(Buffer.from(blob).toString('latin1').split('a-rather-long-name')).toHaveLength(2);
  });

  it('refuses a cell that is no unsigned 32-bit number', () => {
    for (const cell of [-1, 2 ** 32, 0.5]) {
      expect(() => writeFdt({name: '', properties: {reg: {cells: [cell]}}})).toThrow(RangeError);
    }
  });

  it('gives a header that describes the blob, whatever the tree', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9]{0,6}$/);
    const nodeWith = (children: fc.Arbitrary<FdtNode[]>): fc.Arbitrary<FdtNode> =>
      fc.record({
        name,
        properties: fc.dictionary(name, fc.record({bytes: fc.uint8Array({maxLength: 9})}), {maxKeys: 4}),
        children,
      });
    const leaf = nodeWith(fc.constant([]));
    const node = nodeWith(fc.array(nodeWith(fc.array(leaf, {maxLength: 3})), {maxLength: 3}));
    fc.assert(
      fc.property(node, (tree) => {
        const blob = writeFdt({...tree, name: ''});
        const view = new DataView(blob.buffer);
        expect(view.getUint32(0)).toBe(0xd00d_feed);
        expect(view.getUint32(4)).toBe(blob.length);
        expect(view.getUint32(8) % 4).toBe(0);
        expect(view.getUint32(12)).toBe(view.getUint32(8) + view.getUint32(36));
        expect(view.getUint32(12) + view.getUint32(32)).toBeLessThanOrEqual(blob.length);
        expect(view.getUint32(view.getUint32(12) - 4)).toBe(9); // FDT_END closes the structure
      }),
    );
  });
});
