/** What a name may look like. The server has the last word; this spares it the obvious. */

const NAME = /^[\p{L}\p{M}\p{Nd}_.-]{1,32}$/u;
const PLACE = /^(@[\p{L}\p{M}\p{Nd}_.-]{1,32}|[\p{L}\p{M}\p{Nd}_.-]{1,64})$/u;

/** @param {string} name of a user */
export const isName = (name) => NAME.test(name);

/** @param {string} place a room, or "@NAME" */
export const isPlace = (place) => PLACE.test(place);
