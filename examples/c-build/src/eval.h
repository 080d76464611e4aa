/* The value of a tree. */
#ifndef EVAL_H
#define EVAL_H

#include "tree.h"

/* The variables that were assigned so far. */
struct scope {
    struct list variables;
};

#define SCOPE_EMPTY ((struct scope){LIST_EMPTY})

/* The value; or 0 and what went wrong in *error, which is not touched otherwise. */
double eval(struct scope *scope, const struct tree *tree, const char **error);
void scope_free(struct scope *scope);

#endif
