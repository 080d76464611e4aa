/* Cuts one line of text into tokens. */
#ifndef LEXER_H
#define LEXER_H

#include <stddef.h>

enum token_kind {
    TOKEN_END,
    TOKEN_NUMBER,
    TOKEN_NAME,
    TOKEN_SYMBOL, /* one of + - * / % ^ ( ) , = */
    TOKEN_WRONG   /* a character that begins no token */
};

struct token {
    enum token_kind kind;
    const char *text; /* points into the line */
    size_t length;
    double number;
};

struct lexer {
    const char *next;
};

struct lexer lexer_of(const char *line);
struct token lexer_take(struct lexer *lexer);

#endif
