/** What people sort their machines by: a group that each is in at most once, and any tags. Guests do not see them. */
import * as z from 'zod';

/** What a group or a tag may be called. */
export const LABEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,30}$/;
/** Most tags one machine may have. */
export const MAX_TAGS = 16;

const labelSchema = z
  .string()
  .max(31)
  .regex(LABEL_NAME, 'is no name of a group or tag: letters, digits, dot, dash and underscore, 31 at most');

/** Labels of one machine. */
export const labelsSchema = z.object({
  group: labelSchema.optional(),
  tags: z.array(labelSchema).max(MAX_TAGS).default([]),
});
/** See `labelsSchema`. */
export type Labels = z.output<typeof labelsSchema>;

/** A change of labels: what is not named stays. `group: null` takes the machine out of its group. */
export const labelChangeSchema = z.object({
  group: labelSchema.nullable().optional(),
  addTags: z.array(labelSchema).max(MAX_TAGS).default([]),
  removeTags: z.array(z.string().max(64)).max(MAX_TAGS).default([]),
});
/** See `labelChangeSchema`. */
export type LabelChange = z.output<typeof labelChangeSchema>;
