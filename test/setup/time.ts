import '../support/time.mjs';
