#include <string.h>

#include "../src/eval.h"
#include "../src/parser.h"
#include "check.h"

static struct scope scope;
static const char *error;

static double value_of(const char *line)
{
    error = NULL;
    struct tree *tree = parse(line, &error);
    double value = tree == NULL ? 0 : eval(&scope, tree, &error);
    tree_free(tree);
    return value;
}

int main(void)
{
    CHECK(value_of("1 + 2 * 3") == 7);
    CHECK(value_of("(1 + 2) * 3") == 9);
    CHECK(value_of("10 - 4 - 3") == 3);
    CHECK(value_of("2 ^ 3 ^ 2") == 512);
    CHECK(value_of("-2 ^ 2") == -4);
    CHECK(value_of("x = 4") == 4 && value_of("x * x") == 16);
    CHECK(value_of("sum(1, 2, max(3, 4))") == 7);
    CHECK(error == NULL);

    value_of("1 / 0");
    CHECK(error != NULL && strcmp(error, "division by zero") == 0);
    value_of("1 + nothing");
    CHECK(error != NULL && strcmp(error, "no such variable") == 0);
    value_of("(1");
    CHECK(error != NULL && strcmp(error, "expected )") == 0);
    value_of("1 2");
    CHECK(error != NULL);
    scope_free(&scope);
    return check_summary();
}
