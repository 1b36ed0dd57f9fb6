int cwire_dummy;
