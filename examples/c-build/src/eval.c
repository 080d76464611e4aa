#include "eval.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct variable {
    char *name;
    double value;
};

static struct variable *find(struct scope *scope, const char *name)
{
    for (size_t i = 0; i < scope->variables.count; i++) {
        struct variable *variable = scope->variables.items[i];
        if (strcmp(variable->name, name) == 0)
            return variable;
    }
    return NULL;
}

static void assign(struct scope *scope, const char *name, double value)
{
    struct variable *variable = find(scope, name);
    if (variable == NULL) {
        variable = calloc(1, sizeof *variable);
        char *copy = malloc(strlen(name) + 1);
        if (variable == NULL || copy == NULL) {
            fputs("out of memory\n", stderr);
            exit(2);
        }
        variable->name = strcpy(copy, name);
        list_append(&scope->variables, variable);
    }
    variable->value = value;
}

static double power(double base, double exponent, const char **error)
{
    if (!(exponent >= -1000 && exponent <= 1000) || exponent != (double)(int)exponent) {
        *error = "an exponent must be a whole number from -1000 to 1000";
        return 0;
    }
    int steps = abs((int)exponent);
    double value = 1;
    while (steps-- > 0)
        value *= base;
    if (exponent < 0 && value == 0) {
        *error = "division by zero";
        return 0;
    }
    return exponent < 0 ? 1 / value : value;
}

static double remainder_of(double left, double right, const char **error)
{
    if (!(left >= -1e15 && left <= 1e15 && right >= -1e15 && right <= 1e15)) {
        *error = "too large for %";
        return 0;
    }
    long long divisor = (long long)right;
    if (divisor == 0) {
        *error = "division by zero";
        return 0;
    }
    return (double)((long long)left % divisor);
}

static double operate(char symbol, double left, double right, const char **error)
{
    switch (symbol) {
    case '+':
        return left + right;
    case '-':
        return left - right;
    case '*':
        return left * right;
    case '%':
        return remainder_of(left, right, error);
    case '^':
        return power(left, right, error);
    default:
        if (right == 0) {
            *error = "division by zero";
            return 0;
        }
        return left / right;
    }
}

static double call(struct scope *scope, const struct tree *tree, const char **error)
{
    enum { SUM, MIN, MAX } function;
    if (strcmp(tree->name, "sum") == 0) {
        function = SUM;
    } else if (strcmp(tree->name, "min") == 0) {
        function = MIN;
    } else if (strcmp(tree->name, "max") == 0) {
        function = MAX;
    } else {
        *error = "the functions are sum, min and max";
        return 0;
    }
    if (tree->children.count == 0 && function != SUM) {
        *error = "a function needs an argument";
        return 0;
    }
    double value = 0;
    for (size_t i = 0; i < tree->children.count; i++) {
        double next = eval(scope, tree->children.items[i], error);
        if (function == SUM)
            value += next;
        else if (i == 0 || (function == MIN ? next < value : next > value))
            value = next;
    }
    return value;
}

double eval(struct scope *scope, const struct tree *tree, const char **error)
{
    double value = 0;
    const struct variable *variable;
    const char *own = NULL;
    switch (tree->kind) {
    case TREE_NUMBER:
        value = tree->number;
        break;
    case TREE_NAME:
        variable = find(scope, tree->name);
        if (variable != NULL)
            value = variable->value;
        else
            own = "no such variable";
        break;
    case TREE_ASSIGN:
        value = eval(scope, tree->children.items[0], &own);
        if (own == NULL)
            assign(scope, tree->name, value);
        break;
    case TREE_CALL:
        value = call(scope, tree, &own);
        break;
    case TREE_SYMBOL:
        value = eval(scope, tree->children.items[0], &own);
        if (tree->children.count == 1)
            value = -value;
        else if (own == NULL) {
            double right = eval(scope, tree->children.items[1], &own);
            if (own == NULL)
                value = operate(tree->symbol, value, right, &own);
        }
        break;
    }
    if (own != NULL) {
        *error = own;
        return 0;
    }
    return value;
}

void scope_free(struct scope *scope)
{
    for (size_t i = 0; i < scope->variables.count; i++) {
        struct variable *variable = scope->variables.items[i];
        free(variable->name);
        free(variable);
    }
    list_free(&scope->variables);
}
