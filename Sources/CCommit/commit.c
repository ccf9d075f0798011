#include "../CRelease/shim.h"

const char *manyheads_commit(void) {
    return MANYHEADS_COMMIT;
}
