int cell_dummy(void){return 1;}
