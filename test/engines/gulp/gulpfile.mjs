// A build as projects have it, for the command line of gulp.
import { setTimeout as delay } from 'node:timers/promises';
import gulp from 'gulp';

const { dest, parallel, series, src } = gulp;

export const styles = () => src('*.cjs').pipe(dest('out'));
const scripts = async () => {
  process.stdout.write('scripts\n');
};
export const build = series(
  styles,
  parallel(scripts, () => delay(1)),
);
export const broken = series(build, async function publish() {
  throw new RangeError('version exists');
});
export function forgetful() {}
export default build;
