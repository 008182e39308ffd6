import {imageList} from '../../manager/protocol/image.js';
import {MAX_HARTS, machineCreate, machineStart} from '../../manager/protocol/machine.js';
import type {Action} from '../keys/action.js';
import {choiceField, fieldValue, textField} from '../state/form.js';
import {parseBytes} from '../state/presenters/units.js';

/** Token of the form this action opens. */
export const NEW_MACHINE_TOKEN = 'machine.new';

const FORM_FIELDS = {name: 'name', image: 'image', memory: 'memory', cpus: 'cpus'} as const;

/** Opens the form for a new machine; run again while the form is shown, it creates and starts the machine. */
export const newMachine: Action = {
  id: NEW_MACHINE_TOKEN,
  keys: ['n'],
  group: 'Machines',
  hint: {label: 'new', rank: 6},
  help: 'Make a new machine.',
  command: 'viv create IMAGE --name NAME',
  isEnabled: (state) =>
    state.connection.state === 'connected' ? true : 'The manager is not connected, so nothing can be made yet.',
  run: async (context) => {
    const {state, dispatch, request} = context;
    const overlay = state.overlay;
    if (overlay?.kind !== 'form' || overlay.form.token !== NEW_MACHINE_TOKEN) {
      const {images} = await request(imageList, {});
      dispatch({type: 'imagesLoaded', images});
      const fields = [
        textField(FORM_FIELDS.name, 'Name', 'chosen for you'),
        choiceField(
          FORM_FIELDS.image,
          'Image',
          images.map((image) => image.name),
          images.findIndex((image) => image.name === 'debian-mini'),
        ),
        textField(FORM_FIELDS.memory, 'Memory', 'as the image wants, or 256M, 1G'),
        textField(FORM_FIELDS.cpus, 'CPUs', `as the settings say, or 1 to ${MAX_HARTS}`),
      ];
      dispatch({
        type: 'overlayShown',
        overlay: {
          kind: 'form',
          form: {
            token: NEW_MACHINE_TOKEN,
            title: 'New machine',
            fields,
            focused: 0,
            submitLabel: 'Create and start',
            isBusy: false,
          },
        },
      });
      return;
    }
    const {form} = overlay;
    const fail = (error: string) =>
      dispatch({type: 'overlayShown', overlay: {kind: 'form', form: {...form, isBusy: false, error}}});
    const memoryText = fieldValue(form, FORM_FIELDS.memory).trim();
    const memoryBytes = memoryText === '' ? undefined : parseBytes(memoryText);
    if (memoryText !== '' && memoryBytes === undefined) {
      fail('Memory is a number with a unit, for example 256M or 1G.');
      return;
    }
    const cpusText = fieldValue(form, FORM_FIELDS.cpus).trim();
    const hartCount = cpusText === '' ? undefined : Number(cpusText);
    if (hartCount !== undefined && !(/^\d+$/.test(cpusText) && hartCount >= 1 && hartCount <= MAX_HARTS)) {
      fail(`CPUs is a whole number from 1 to ${MAX_HARTS}.`);
      return;
    }
    dispatch({type: 'overlayShown', overlay: {kind: 'form', form: {...form, isBusy: true}}});
    const name = fieldValue(form, FORM_FIELDS.name).trim();
    let machineId: string;
    try {
      const {machine} = await request(machineCreate, {
        boot: {kind: 'image', image: fieldValue(form, FORM_FIELDS.image)},
        ...(name === '' ? {} : {name}),
        ...(memoryBytes === undefined ? {} : {memoryBytes}),
        ...(hartCount === undefined ? {} : {hartCount}),
      });
      machineId = machine.id;
      dispatch({type: 'machineSelected', id: machineId});
    } catch (error) {
      fail(error instanceof Error ? error.message : String(error));
      return;
    }
    dispatch({type: 'overlayClosed'});
    dispatch({type: 'tabChosen', tab: 'console'});
    await request(machineStart, {machine: machineId});
  },
};
