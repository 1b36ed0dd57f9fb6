int csandbox_dummy;
