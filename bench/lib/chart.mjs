import { span } from './table.mjs';

const WIDTH = 760;
const LABELS = 190;
const ROW = 26;
const HEAD = 44;
const FIGURES = 80;

/**
 * Horizontal bars on a logarithmic scale, as SVG that reads on light and dark pages.
 *
 * @param {readonly { title: string, bars: readonly { name: string, value: number }[] }[]} groups nanoseconds
 */
export function barChart(groups) {
  const values = groups.flatMap(({ bars }) => bars.map(({ value }) => value));
  const low = Math.min(...values) / 2;
  const high = Math.max(...values);
  const length = (/** @type {number} */ value) =>
    ((Math.log(value) - Math.log(low)) / (Math.log(high) - Math.log(low))) * (WIDTH - LABELS - FIGURES);

  let y = 0;
  const parts = [];
  for (const { title, bars } of groups) {
    parts.push(`<text class="title" x="0" y="${y + 22}">${escaped(title)}</text>`);
    y += HEAD - 10;
    for (const { name, value } of bars) {
      const width = Math.max(2, length(value)).toFixed(1);
      const kind = name === 'Holdfast' ? 'ours' : name.startsWith('bare') ? 'floor' : 'peer';
      parts.push(
        `<text x="${LABELS - 10}" y="${y + 17}" text-anchor="end">${escaped(name)}</text>`,
        `<rect class="${kind}" x="${LABELS}" y="${y + 4}" width="${width}" height="${ROW - 8}" rx="3"/>`,
        `<text class="figure" x="${(LABELS + Number(width) + 8).toFixed(1)}" y="${y + 17}">${span(value)}</text>`,
      );
      y += ROW;
    }
    y += 14;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" role="img" font-family="system-ui, sans-serif" font-size="13">
<title>Time taken, logarithmic scale; shorter is better</title>
<style>
text { fill: #24292f } .title { font-weight: 600; font-size: 14px } .figure { fill: #57606a }
.ours { fill: #0a7d55 } .floor { fill: #8c959f } .peer { fill: #b4c0cc }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .figure { fill: #9198a1 } .peer { fill: #4b5663 } }
</style>
${parts.join('\n')}
</svg>
`;
}

/** @param {string} text */
function escaped(text) {
  return text.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`);
}
