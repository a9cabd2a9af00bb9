/** A line of a CSV file without quotes: its number in the file, and its fields by the names in the first line. */
export interface CsvLine {
  readonly line: number;
  readonly fields: Readonly<Record<string, string>>;
}

export function parseCsv(text: string): CsvLine[] {
  const [header = '', ...lines] = text.trimEnd().split(/\r?\n/);
  const names = header.split(',');
  return lines.map((line, index) => {
    const values = line.split(',');
    return {
      line: index + 2,
      fields: Object.fromEntries(names.map((name, column) => [name, values[column] ?? ''])),
    };
  });
}

/** Data that is not as it has to be. The message names the line and the value. */
export class DataError extends Error {
  override readonly name = 'DataError';
}

/** A number from a field, or an error that says where it is none. */
export function numberIn({ line, fields }: CsvLine, name: string): number {
  const value = Number(fields[name] || Number.NaN);
  if (Number.isNaN(value)) throw new DataError(`line ${line}: ${name} is "${fields[name]}", not a number`);
  return value;
}
