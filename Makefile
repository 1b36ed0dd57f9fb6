# Cloister. `make help` lists what there is.

CONFIGURATION ?= debug
BUILD := .build/$(CONFIGURATION)
CELL_FLAGS := -std=c11 -shared -fPIC -O2 -g -Wall -Wextra -Werror -fvisibility=hidden

# The shared object that executors load is plain C with no Swift runtime, which SwiftPM cannot link.
$(BUILD)/libcloister-cell.so: $(wildcard Sources/CCell/*.[ch]) Sources/CWire/include/cloister_wire.h
	@mkdir -p $(@D)
	clang $(CELL_FLAGS) -I Sources/CWire/include -o $@ $(wildcard Sources/CCell/*.c)
