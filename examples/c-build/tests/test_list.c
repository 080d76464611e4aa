#include "../src/list.h"
#include "check.h"

int main(void)
{
    struct list list = LIST_EMPTY;
    int numbers[100];
    for (int i = 0; i < 100; i++)
        list_append(&list, &numbers[i]);
    CHECK(list.count == 100);
    for (int i = 0; i < 100; i++)
        CHECK(list.items[i] == &numbers[i]);
    list_free(&list);
    CHECK(list.count == 0 && list.items == NULL);
    return check_summary();
}
