#include "head_kernels.h"
typedef int head_kernels_placeholder;
