/* Expressions as trees. */
#ifndef TREE_H
#define TREE_H

#include "list.h"

enum tree_kind {
    TREE_NUMBER,
    TREE_NAME,   /* the value of a variable */
    TREE_ASSIGN, /* name = children[0] */
    TREE_CALL,   /* name(children...) */
    TREE_SYMBOL  /* children[0], or children[0] symbol children[1] */
};

struct tree {
    enum tree_kind kind;
    double number;
    char symbol;
    char *name;
    struct list children;
};

struct tree *tree_new(enum tree_kind kind);
void tree_name(struct tree *tree, const char *text, size_t length);
void tree_free(struct tree *tree);

#endif
