/** The beginning of a text, cut between characters. */
export const clip = (text: string, length: number): string => (text.length <= length ? text : `${text.slice(0, length).toWellFormed()}…`);
