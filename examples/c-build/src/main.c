/* calc: prints the value of each line of its input. */
#include <stdio.h>
#include <string.h>

#include "eval.h"
#include "parser.h"

int main(void)
{
    struct scope scope = SCOPE_EMPTY;
    char line[1024];
    int failures = 0;
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '\0' || line[0] == '#')
            continue;
        const char *error = NULL;
        double value = 0;
        struct tree *tree = parse(line, &error);
        if (tree != NULL)
            value = eval(&scope, tree, &error);
        tree_free(tree);
        if (error != NULL) {
            printf("%s -> error: %s\n", line, error);
            failures++;
        } else {
            printf("%s -> %.10g\n", line, value);
        }
    }
    scope_free(&scope);
    return failures == 0 ? 0 : 1;
}
