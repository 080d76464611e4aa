#include "parser.h"

#include <string.h>

#include "lexer.h"

/* Parentheses and signs nest at most so deep: each level takes some stack. */
#define DEEPEST 200

struct parser {
    struct lexer lexer;
    struct token token;
    const char *error;
    int depth;
};

static struct tree *sum(struct parser *parser);

static void advance(struct parser *parser)
{
    parser->token = lexer_take(&parser->lexer);
}

static void fail(struct parser *parser, const char *error)
{
    if (parser->error == NULL)
        parser->error = error;
}

static int at_symbol(const struct parser *parser, const char *symbols)
{
    return parser->token.kind == TOKEN_SYMBOL && strchr(symbols, *parser->token.text) != NULL;
}

static void expect(struct parser *parser, const char *symbol, const char *error)
{
    if (at_symbol(parser, symbol))
        advance(parser);
    else
        fail(parser, error);
}

static struct tree *symbol_tree(char symbol, struct tree *left, struct tree *right)
{
    struct tree *tree = tree_new(TREE_SYMBOL);
    tree->symbol = symbol;
    list_append(&tree->children, left);
    if (right != NULL)
        list_append(&tree->children, right);
    return tree;
}

static struct tree *name_or_call(struct parser *parser)
{
    struct tree *tree = tree_new(TREE_NAME);
    tree_name(tree, parser->token.text, parser->token.length);
    advance(parser);
    if (!at_symbol(parser, "("))
        return tree;
    tree->kind = TREE_CALL;
    advance(parser);
    while (parser->error == NULL && !at_symbol(parser, ")")) {
        if (tree->children.count > 0)
            expect(parser, ",", "expected , or )");
        list_append(&tree->children, sum(parser));
    }
    expect(parser, ")", "expected )");
    return tree;
}

static struct tree *atom(struct parser *parser)
{
    struct tree *tree;
    if (parser->token.kind == TOKEN_NUMBER) {
        tree = tree_new(TREE_NUMBER);
        tree->number = parser->token.number;
        advance(parser);
    } else if (parser->token.kind == TOKEN_NAME) {
        tree = name_or_call(parser);
    } else if (at_symbol(parser, "(")) {
        advance(parser);
        tree = sum(parser);
        expect(parser, ")", "expected )");
    } else {
        fail(parser, "expected a number, a name or (");
        tree = tree_new(TREE_NUMBER);
    }
    return tree;
}

static struct tree *power(struct parser *parser)
{
    struct tree *tree;
    if (++parser->depth > DEEPEST) {
        fail(parser, "nested too deeply");
        tree = tree_new(TREE_NUMBER);
    } else if (at_symbol(parser, "-")) {
        advance(parser);
        tree = symbol_tree('-', power(parser), NULL);
    } else {
        tree = atom(parser);
        if (at_symbol(parser, "^")) {
            advance(parser);
            tree = symbol_tree('^', tree, power(parser));
        }
    }
    parser->depth--;
    return tree;
}

static struct tree *left_to_right(struct parser *parser, const char *symbols,
                                  struct tree *(*operand)(struct parser *))
{
    struct tree *tree = operand(parser);
    while (parser->error == NULL && at_symbol(parser, symbols)) {
        char symbol = *parser->token.text;
        advance(parser);
        tree = symbol_tree(symbol, tree, operand(parser));
    }
    return tree;
}

static struct tree *product(struct parser *parser)
{
    return left_to_right(parser, "*/%", power);
}

static struct tree *sum(struct parser *parser)
{
    return left_to_right(parser, "+-", product);
}

struct tree *parse(const char *line, const char **error)
{
    struct parser parser = {lexer_of(line), {TOKEN_END, line, 0, 0}, NULL, 0};
    advance(&parser);
    struct tree *tree = sum(&parser);
    if (tree->kind == TREE_NAME && at_symbol(&parser, "=")) {
        advance(&parser);
        tree->kind = TREE_ASSIGN;
        list_append(&tree->children, sum(&parser));
    }
    if (parser.token.kind != TOKEN_END)
        fail(&parser, "expected an operator or the end of the line");
    *error = parser.error;
    if (parser.error != NULL) {
        tree_free(tree);
        return NULL;
    }
    return tree;
}
