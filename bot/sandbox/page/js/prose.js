// Small judgements about texts.

const FIGURE = /^[▲▼+−-]?\d[\d,]*(?:\.\d+)?(?:万|亿|元|手|%|天)?\s*(?:[▲▼][\d.,%]*)?$/;
const NUMBERED = /^\d{6,}$/; // an account, not an amount

export const isFigure = (text) => FIGURE.test(text.trim()) && !NUMBERED.test(text.trim());

/** Columns as wide as they read: a Chinese letter counts two. */
export const width = (text) => [...text].reduce((sum, letter) => sum + (letter.codePointAt(0) > 0x2e80 ? 2 : 1), 0);
