const PATHS = {
  person: "M10 10a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3.5 17c.6-3.2 3.2-5 6.5-5s5.9 1.8 6.5 5",
  keys: "M2.5 5.5h15v9h-15zM5.5 8.5h.01M8.5 8.5h.01M11.5 8.5h.01M14.5 8.5h.01M7 11.5h6",
  close: "M5 5l10 10M15 5L5 15",
  run: "M6 4l10 6-10 6z",
  stop: "M5.5 5.5h9v9h-9z",
  copy: "M7 7h9v9H7zM4 13V4h9",
  tidy: "M3 5h14M3 9h9M3 13h14M3 17h6",
  merge: "M5 3v4c0 3 2 5 5 5h5M5 17v-3M12 9l3 3-3 3",
  spark: "M10 3l1.7 5.300L17 10l-5.3 1.700L10 17l-1.7-5.300L3 10l5.3-1.700z",
  book: "M4 4h5a2 2 0 0 1 1 .5A2 2 0 0 1 11 4h5v12h-5a2 2 0 0 0-1 .5A2 2 0 0 0 9 16H4zM10 5v11",
  clock: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 6v4l3 2",
} as const;

/** A line drawing of 20 by 20; always beside a label, so hidden from readers. */
export function Icon({ name }: { name: keyof typeof PATHS }): React.ReactElement {
  return (
    <svg className="icon" viewBox="0 0 20 20" width="18" height="18" fill="none" stroke="currentColor"
      strokeWidth="1.5" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
