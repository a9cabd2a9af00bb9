// An application that uses no engine.
process.stdout.write('worked\n');
