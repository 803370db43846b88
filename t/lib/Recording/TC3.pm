package Recording::TC3;

# Signs requests as API 3.0 wants them, TC3-HMAC-SHA256: written from its
# description, so that it shares nothing with the module's own.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex sha256_hex);
use Exporter qw(import);
use POSIX qw(strftime);

our @EXPORT_OK = qw(authorization);

# the value of Authorization: id, secret, host, body, and maybe time, service,
# path, type, and headers that are signed, too
sub authorization {
    my (%of) = @_;

    my $time = $of{time} // time;
    my $service = $of{service} // 'live';
    my $date = strftime('%Y-%m-%d', gmtime $time);
    my %header = ('content-type' => $of{type} // 'application/json',
                  host => $of{host}, %{ $of{headers} || {} });
    my @names = sort keys %header;
    my $names = join ';', @names;

    my $canonical = join "\n", 'POST', $of{path} // '/', '',
        (map { "$_:" . lc $header{$_} } @names), '', $names,
        sha256_hex($of{body});
    my $scope = "$date/$service/tc3_request";
    my $text = join "\n", 'TC3-HMAC-SHA256', $time, $scope,
                          sha256_hex($canonical);

    my $key = "TC3$of{secret}";
    $key = hmac_sha256($_, $key) for $date, $service, 'tc3_request';

    return "TC3-HMAC-SHA256 Credential=$of{id}/$scope, SignedHeaders=$names, "
           . 'Signature=' . hmac_sha256_hex($text, $key);
}

1;
