#ifndef MANYHEADS_CRELEASE_SHIM_H
#define MANYHEADS_CRELEASE_SHIM_H

// Defined in CCommit, which the programs link. Apart from it, since SwiftPM compiles every module above
// a C target again when one of its objects changes, and the commit changes all the time.
const char *_Nonnull manyheads_commit(void);

#endif
