#include <string.h>

#include "../src/lexer.h"
#include "check.h"

int main(void)
{
    struct lexer lexer = lexer_of("  rate2=-1.5e1 & .");
    struct token token = lexer_take(&lexer);
    CHECK(token.kind == TOKEN_NAME && token.length == 5 && strncmp(token.text, "rate2", 5) == 0);
    token = lexer_take(&lexer);
    CHECK(token.kind == TOKEN_SYMBOL && *token.text == '=');
    token = lexer_take(&lexer);
    CHECK(token.kind == TOKEN_SYMBOL && *token.text == '-');
    token = lexer_take(&lexer);
    CHECK(token.kind == TOKEN_NUMBER && token.number == 15);
    CHECK(lexer_take(&lexer).kind == TOKEN_WRONG);
    CHECK(lexer_take(&lexer).kind == TOKEN_WRONG);
    CHECK(lexer_take(&lexer).kind == TOKEN_END);
    CHECK(lexer_take(&lexer).kind == TOKEN_END);
    return check_summary();
}
