#include "list.h"

#include <stdio.h>
#include <stdlib.h>

void list_append(struct list *list, void *item)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 4;
        void **items = realloc(list->items, capacity * sizeof *items);
        if (items == NULL) {
            fputs("out of memory\n", stderr);
            exit(2);
        }
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = item;
}

void list_free(struct list *list)
{
    free(list->items);
    *list = LIST_EMPTY;
}
