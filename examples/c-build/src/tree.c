#include "tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *allocate(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL) {
        fputs("out of memory\n", stderr);
        exit(2);
    }
    return memory;
}

struct tree *tree_new(enum tree_kind kind)
{
    struct tree *tree = allocate(sizeof *tree);
    tree->kind = kind;
    tree->children = LIST_EMPTY;
    return tree;
}

void tree_name(struct tree *tree, const char *text, size_t length)
{
    tree->name = allocate(length + 1);
    memcpy(tree->name, text, length);
}

void tree_free(struct tree *tree)
{
    if (tree == NULL)
        return;
    for (size_t i = 0; i < tree->children.count; i++)
        tree_free(tree->children.items[i]);
    list_free(&tree->children);
    free(tree->name);
    free(tree);
}
