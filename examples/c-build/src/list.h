/* A growable array of pointers. It never frees what it holds. */
#ifndef LIST_H
#define LIST_H

#include <stddef.h>

struct list {
    void **items;
    size_t count;
    size_t capacity;
};

#define LIST_EMPTY ((struct list){NULL, 0, 0})

void list_append(struct list *list, void *item);
void list_free(struct list *list);

#endif
